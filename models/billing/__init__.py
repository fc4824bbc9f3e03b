"""What using Punnet costs and how much of it is allowed."""
