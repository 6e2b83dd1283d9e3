cpdef milliseconds(double seconds)
cpdef text(value)
