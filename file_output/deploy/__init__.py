"""From a new set of files to a program that is seen to serve it, or back."""
