"""Which container a process runs in, by cgroups that nobody but root could have made."""
