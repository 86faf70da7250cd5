"""What cells mean: numbers, dates, codes and how they are written."""
