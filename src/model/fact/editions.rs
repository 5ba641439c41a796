//! Editions of Windows in words: the numbers that `GetProductInfo` gives, under the names that Windows shows.

/// Number and name.
pub(super) const EDITIONS: &[(i64, &str)] = &[
    (4, "Enterprise"),
    (7, "Server Standard"),
    (8, "Server Datacenter"),
    (27, "Enterprise N"),
    (48, "Pro"),
    (49, "Pro N"),
    (72, "Enterprise Evaluation"),
    (84, "Enterprise N Evaluation"),
    (98, "Home N"),
    (99, "Home China"),
    (100, "Home Single Language"),
    (101, "Home"),
    (103, "Pro with Media Center"),
    (119, "Team"),
    (121, "Education"),
    (122, "Education N"),
    (125, "Enterprise LTSC"),
    (126, "Enterprise N LTSC"),
    (129, "Enterprise LTSC Evaluation"),
    (135, "Holographic"),
    (136, "Holographic Enterprise"),
    (138, "Pro Single Language"),
    (161, "Pro for Workstations"),
    (162, "Pro for Workstations N"),
    (164, "Pro Education"),
    (165, "Pro Education N"),
    (175, "Enterprise multi-session"),
    (178, "Cloud"),
    (179, "Cloud N"),
    (188, "IoT Enterprise"),
    (191, "IoT Enterprise LTSC"),
    (202, "Cloud Edition N"),
    (203, "Cloud Edition"),
    (205, "IoT Enterprise LTSC subscription"),
];

/// What an edition is called, by its `GetProductInfo` number.
pub fn edition_name(number: i64) -> Option<&'static str> {
    EDITIONS.iter().find(|(known, _)| *known == number).map(|(_, name)| *name)
}
