//! Named volumes.

use bollard::models::VolumeCreateRequest;
use bollard::query_parameters::RemoveVolumeOptions;

use super::engine::Engine;
use super::names::is_name;
use super::raw::RawRequest;
use super::wire::Wait;
use crate::error::{Error, Result};

impl Engine {
    /// By name.
    pub async fn volume_exists(&self, name: &str) -> Result<bool> {
        if !is_name(name) {
            return Ok(false);
        }
        match self.bollard_within(Wait::Ordinary, self.bollard().inspect_volume(name)).await {
            Ok(_) => Ok(true),
            Err(failure) if failure.status() == Some(404) => Ok(false),
            Err(failure) => Err(failure.during(format!("inspect volume {name:?}"))),
        }
    }

    /// An existing volume of that name is fine.
    pub async fn create_volume(&self, name: &str, labels: &[(&str, &str)]) -> Result<()> {
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let request = VolumeCreateRequest {
            name: Some(name.to_owned()),
            labels: Some(labels),
            ..VolumeCreateRequest::default()
        };
        match self.bollard_within(Wait::Ordinary, self.bollard().create_volume(request)).await {
            Ok(_) => Ok(()),
            Err(failure) => Err(failure.during(format!("create volume {name:?}"))),
        }
    }

    /// The names of those with this label (`key=value`).
    pub async fn list_volumes(&self, label: &str) -> Result<Vec<String>> {
        let filters = serde_json::json!({ "label": [label] }).to_string();
        let request = RawRequest::get("/volumes").query("filters", filters);
        let found: serde_json::Value =
            self.wire().json(request).await.map_err(|failure| failure.during("list volumes"))?;
        let volumes = found["Volumes"].as_array().into_iter().flatten();
        Ok(volumes.filter_map(|volume| volume["Name"].as_str().map(str::to_owned)).collect())
    }

    /// False for one that is in use, which stays.
    pub async fn remove_unused_volume(&self, name: &str) -> Result<bool> {
        match self.remove_volume(name).await {
            Ok(()) => Ok(true),
            Err(Error::Api { status: Some(409), .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// A missing volume is fine; one in use is an error.
    pub async fn remove_volume(&self, name: &str) -> Result<()> {
        let action = format!("remove volume {name:?}");
        if !is_name(name) {
            let message = "no volume can have that name".to_owned();
            return Err(Error::Api { action, message, status: Some(404), source: None });
        }
        let removal = self.bollard().remove_volume(name, None::<RemoveVolumeOptions>);
        match self.bollard_within(Wait::Ordinary, removal).await {
            Err(failure) if failure.status() != Some(404) => Err(failure.during(action)),
            _ => Ok(()),
        }
    }
}
