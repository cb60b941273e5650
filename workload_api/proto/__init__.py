"""The Workload API's messages; the generated files are made by ``make proto``."""
