"""What the published study did, to the last digit."""
