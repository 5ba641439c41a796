//! Placeholder.

/// How long history is kept.
#[derive(Debug, Clone, Copy)]
pub struct RetentionRules;

/// What was pruned.
#[derive(Debug, Clone, Copy)]
pub struct Pruned;
