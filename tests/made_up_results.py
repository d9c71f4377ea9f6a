"""What made-up results of the benchmarks say of their machine."""

FACTS = {"date": "2000-01-01T00:00:00+00:00", "devices": {"cpu": "a CPU"}, "system": "Linux", "python": "3",
         "versions": {}}
