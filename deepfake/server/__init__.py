"""What one server has once, whatever draws its pages: jobs and their progress, results kept, sessions, batches."""
