//! The incidents that are compiled in: replays that anybody can run without a checkout.

/// An incident's two files.
#[derive(Debug, Clone, Copy)]
pub struct BuiltIn {
    /// Its name, which is that of its folder.
    pub name: &'static str,
    /// `outlive.toml`.
    pub estate: &'static str,
    /// `incident.toml`.
    pub incident: &'static str,
}

macro_rules! incidents {
    ($($name:literal),* $(,)?) => {
        /// All of them, by the day they happened.
        pub const INCIDENTS: &[BuiltIn] = &[$(BuiltIn {
            name: $name,
            estate: include_str!(concat!("../../../drills/incidents/", $name, "/outlive.toml")),
            incident: include_str!(concat!("../../../drills/incidents/", $name, "/incident.toml")),
        }),*];
    };
}

incidents![
    "pixar",
    "code-spaces",
    "gitlab",
    "vfemail",
    "ovh-sbg2",
    "kyoto-hpe",
    "replit-saastr",
    "nirs-g-drive",
    "lost-restore-path",
    "pocketos",
];
