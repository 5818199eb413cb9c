//! The Lambda functions of mirrorsnap. `ports` says what they need of AWS; the feature `aws` implements it on the SDK.
//! Without that feature this crate builds in seconds, so that functions/sim can run the functions.

pub mod aws;
pub mod deadline;
pub mod functions;
pub mod ports;
#[cfg(test)]
mod testing;
pub mod trace;
