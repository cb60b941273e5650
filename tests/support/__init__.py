"""What tests share: fakes that work, and what they need of the machine."""
