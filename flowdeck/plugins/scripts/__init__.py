"""Tasks that run programs (`io.kestra.plugin.scripts.*`)."""
