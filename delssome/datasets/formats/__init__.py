"""Files of many formats: arrays with the names that stand beside them."""
