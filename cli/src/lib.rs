//! `mirrorsnap`, the command line. What it starts are plain executions of the stack's state machines; what it shows is read from
//! their histories, the lock table, snapshots' tags and Parameter Store. Everything works without it too.
//!
//! Arguments, inputs, the follower and the screens are pure. `ports` says what is needed of AWS, and the feature `aws` implements
//! it on the SDK.

pub mod args;
#[cfg(feature = "aws")]
pub mod aws;
pub mod catalogue;
pub mod exit;
pub mod fleet;
pub mod follow;
pub mod interrupt;
#[cfg(test)]
mod named_tests;
pub mod out;
pub mod ports;
pub mod request;
pub mod run;
pub mod screen;
#[cfg(test)]
mod testing;
