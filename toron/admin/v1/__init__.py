"""The endpoints of the admin API: each file here says what it has in `ENDPOINTS`."""
