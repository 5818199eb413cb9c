//! The functions against a cluster in memory: every call × every fault, and whole operations with faults by a random schedule.
#![cfg(test)]

mod changes_tests;
mod copies_tests;
mod driver;
mod each_call_tests;
mod faults;
mod frozen_tests;
mod full_tests;
mod invoke;
mod manner_tests;
mod operations;
mod order_tests;
mod patrol_tests;
mod ports;
mod proofs;
mod prove_tests;
mod random_tests;
mod schedule;
mod schedules_tests;
mod sim;
mod smoke_tests;
mod tasks;
mod witness_tests;
mod world;
