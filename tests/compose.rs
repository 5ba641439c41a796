//! `docker-compose.yml`, as far as it can be checked without running it.

use std::collections::BTreeSet;

use yaml_rust2::{Yaml, YamlLoader};

fn compose() -> Yaml {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docker-compose.yml");
    let text = std::fs::read_to_string(path).unwrap();
    let mut documents = YamlLoader::load_from_str(&text).unwrap();
    assert_eq!(documents.len(), 1);
    documents.remove(0)
}

/// Texts of a list, wherever it is.
fn list(node: &Yaml) -> Vec<&str> {
    node.as_vec().into_iter().flatten().filter_map(Yaml::as_str).collect()
}

fn keys(node: &Yaml) -> BTreeSet<&str> {
    node.as_hash().into_iter().flat_map(|hash| hash.keys()).filter_map(Yaml::as_str).collect()
}

#[test]
fn it_has_a_server_and_its_database() {
    let compose = compose();
    assert_eq!(keys(&compose["services"]), BTreeSet::from(["postgres", "transom"]));
    let waits_for = &compose["services"]["transom"]["depends_on"]["postgres"]["condition"];
    assert_eq!(waits_for.as_str(), Some("service_healthy"));
    assert!(!list(&compose["services"]["postgres"]["healthcheck"]["test"]).is_empty());
}

#[test]
fn only_the_device_door_is_open_to_the_world() {
    let compose = compose();
    assert_eq!(list(&compose["services"]["transom"]["ports"]), ["8443:8443", "127.0.0.1:8080:8080"]);
    assert!(compose["services"]["postgres"]["ports"].is_badvalue());
}

#[test]
fn what_must_outlive_a_container_is_in_a_named_volume() {
    let compose = compose();
    let declared = keys(&compose["volumes"]);
    let used: BTreeSet<&str> = ["transom", "postgres"]
        .iter()
        .flat_map(|service| list(&compose["services"][*service]["volumes"]))
        .filter_map(|volume| volume.split_once(':').map(|(name, _)| name))
        .collect();
    assert_eq!(used, declared);
    assert_eq!(used.len(), 2);
}

#[test]
fn secrets_come_from_outside_and_are_demanded() {
    let compose = compose();
    let password = "${POSTGRES_PASSWORD:?";
    let of_server = compose["services"]["transom"]["environment"]["TRANSOM_DATABASE"].as_str().unwrap();
    let of_database = compose["services"]["postgres"]["environment"]["POSTGRES_PASSWORD"].as_str().unwrap();
    assert!(of_server.contains(password) && of_database.starts_with(password));
    assert!(of_server.contains("@postgres:5432/transom"), "{of_server}");
}

#[test]
fn the_image_is_built_from_this_tree_and_the_server_stops_by_itself() {
    let compose = compose();
    let server = &compose["services"]["transom"];
    let stages: Vec<&str> = server["build"]["dockerfile_inline"]
        .as_str()
        .unwrap()
        .lines()
        .filter_map(|line| line.strip_prefix("FROM "))
        .collect();
    assert_eq!(stages.len(), 2, "{stages:?}");
    assert_eq!(server["build"]["context"].as_str(), Some("."));
    // Without exec the shell would get the signal and the server would not.
    let command = list(&server["command"]);
    assert!(command.iter().any(|line| line.contains("exec transom serve")), "{command:?}");
}
