//! x
pub mod clusterpro;
pub mod config;
pub mod devices;
pub mod document;
pub mod error;
pub mod ids;
pub mod names;
pub mod observation;
#[cfg(test)]
mod testing;
pub mod time;
