//! The functions against a cluster in memory: every call × every fault, and whole operations with faults by a random schedule.

#[cfg(test)]
mod driver;
#[cfg(test)]
mod each_call_tests;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod invoke;
#[cfg(test)]
mod operations;
#[cfg(test)]
mod order_tests;
#[cfg(test)]
mod ports;
#[cfg(test)]
mod random_tests;
#[cfg(test)]
mod schedule;
#[cfg(test)]
mod sim;
#[cfg(test)]
mod smoke_tests;
#[cfg(test)]
mod tasks;
#[cfg(test)]
mod witness_tests;
#[cfg(test)]
mod world;
