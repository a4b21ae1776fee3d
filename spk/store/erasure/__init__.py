"""Forgetting people: out of the tables, the engines and every file; looking for them afterwards; the receipt.

``erasing`` is the part of the store that does it, ``exports`` and ``pseudonyms`` reach files and other people's rows,
``proof`` looks for what is left with the help of ``traces``, and ``receipts`` signs what was found.
"""
