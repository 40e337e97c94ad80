//! What the product must hold against the cases that the field reported: each test is called by the case's letter and
//! number, has the smallest input, one sibling by another command, and the neighbour at which nothing may be said.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
mod support;

mod active;
mod claims;
mod counters;
mod data;
mod deleted;
mod edges;
mod edges_of_time;
mod files;
mod filters;
mod given;
mod given_back;
mod http;
mod inputs;
mod journal;
mod looks;
mod losses;
mod losses_model;
mod memory;
mod moments;
mod names;
mod odd_names;
mod output;
mod own_fields;
mod parking;
mod processes;
mod roundtrip;
mod screens;
mod servers;
mod service;
mod shells;
mod terminals;
mod trouble;
mod words;
