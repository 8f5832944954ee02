"""Plugins that every instance has (`io.kestra.plugin.core.*`)."""
