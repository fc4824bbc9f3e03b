"""Carrying out the imports of projects: from GitHub, from Figma, from uploads."""
