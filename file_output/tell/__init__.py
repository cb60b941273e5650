"""Telling a program that its files are new, one module for each way."""
