"""White-box attacks: searches that use a model's gradients, and the texts they find."""
