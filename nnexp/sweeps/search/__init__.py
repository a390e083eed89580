"""Search: an Optuna study chooses the configurations of trials, and prunes those that fall behind."""
