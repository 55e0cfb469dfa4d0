//! Telling others: pings, webhooks, and files that monitoring reads.
