"""Changes of a configuration that serves: what one would do, making it, watching it, going back."""
