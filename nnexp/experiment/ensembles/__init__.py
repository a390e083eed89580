"""Ensembles: the averaged predictions of finished runs, evaluated and recorded as a run of their own."""
