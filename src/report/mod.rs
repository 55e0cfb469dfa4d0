//! Results as text and as versioned JSON, one file a format.
