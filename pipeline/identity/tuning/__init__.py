"""Teach dlib's network low resolution: its numbers of a restored face meet those of the HR one."""
