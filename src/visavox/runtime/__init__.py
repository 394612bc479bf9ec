"""Foundation that every package may use: files, locks, threads, devices and pages."""
