"""What every experiment of the lab is made with: parameters, data, style, pages, the book."""
