"""Generators of the documentation; nothing else imports them."""
