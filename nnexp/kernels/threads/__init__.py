"""Threads of compiled code: they share products and updates of weights without the interpreter's lock."""
