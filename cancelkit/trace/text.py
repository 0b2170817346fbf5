"""Text that a program chose itself, made fit to be shown."""


def printable(text: str) -> str:
    """The same text on one line, with escapes for what a terminal would obey or no file can hold."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
