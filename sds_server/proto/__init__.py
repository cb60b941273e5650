"""The few SDS messages we speak, with Envoy's names and numbers; made by ``make proto``."""
