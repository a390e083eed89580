"""What all HTML pages share: style, escaping, pictures within the page."""
