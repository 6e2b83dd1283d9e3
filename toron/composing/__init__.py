"""What `compose` is made of, besides the order in which it joins rooms."""
