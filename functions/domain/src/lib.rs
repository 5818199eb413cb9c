//! The domain of mirrorsnap, without AWS in it: what is seen of a cluster, what it means, and what to do next.
//!
//! Everything here is a pure function of its arguments; the functions around it (../src/functions) observe and act.
pub mod catalogue;
pub mod changes;
pub mod clusterpro;
pub mod config;
pub mod consistency;
pub mod converge;
pub mod copies;
pub mod description;
pub mod devices;
pub mod doctor;
pub mod document;
pub mod ec2;
#[cfg(test)]
mod edits;
pub mod ended;
pub mod error;
pub mod evidence;
pub mod ids;
pub mod inspect;
pub mod intent;
pub mod layout;
pub mod lock;
pub mod lvm_devices;
pub mod mounts;
pub mod names;
pub mod observation;
pub mod patrol;
pub mod proof;
pub mod reply;
pub mod restore;
pub mod schedule;
pub mod sentence;
pub mod steps;
#[cfg(test)]
mod testing;
pub mod time;
