//! Servers that are something else than they seem: sentinels, replicas, refusals in other words, thousands of consumers.
