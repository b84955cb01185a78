"""A thousand ModelDeployments and more, on a real API server, with everything else played."""
