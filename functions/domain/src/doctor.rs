//! The doctor: what a cluster's commands really print, and what our parsers make of it.

pub mod discover;
pub mod judge;
pub mod pseudonyms;
pub mod recording;
