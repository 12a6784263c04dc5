use std::fs;
use std::path::Path;

use burn::tensor::Device;
use rec_core::mapped::MappedFile;
use rec_core::{Fingerprint, VectorTable};
use rec_encoder::WeightFormat;
use rec_interest::TrainedUserEncoder;
use tempfile::TempDir;

use crate::manifest::{EncoderRecord, FileRecord, Manifest, NAME, ScorerRecord, TableRecord, UserRecord};
use crate::pipeline::Parts;
use crate::{EncoderSource, Error, Pipeline, ScoreModel, UserModel};

impl Pipeline {
    /// Writes the pipeline as a new folder, which appears only once it is complete and has been loaded again.
    ///
    /// # Errors
    ///
    /// The folder exists or cannot be written; the encoder cannot be saved, or its source gives an encoder of another space; a
    /// parameter of the scorer is not finite.
    pub fn save(&self, folder: impl AsRef<Path>) -> Result<(), Error> {
        let folder = folder.as_ref();
        if folder.exists() {
            return Err(Error::file(folder, "cannot save the pipeline: the folder exists"));
        }
        let parent =
            folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(parent).map_err(|e| Error::io("make the folder", parent, e))?;
        // Beside its destination, so that the last step is a rename, and what is relative to one is relative to the other.
        let work = folder_in(parent)?;
        self.parts.write(work.path())?;
        let device = self.encoder().map_or_else(rec_core::device::host, |encoder| encoder.device());
        Parts::read(work.path(), &device, true)?;
        fs::rename(work.path(), folder).map_err(|e| Error::io("write the folder", folder, e))?;
        // What the guard would remove is gone from there.
        let _ = work.keep();
        Ok(())
    }

    /// Loads a folder that [`save`](Self::save) wrote. The encoder and the scorer's parameters go to the device; vectors are
    /// mapped, and copied into the index.
    ///
    /// # Errors
    ///
    /// A file is missing, damaged or not the one that was saved ([`Error::is_changed`]); parts do not belong together
    /// ([`Error::is_space_mismatch`]), among them an encoder whose folder now holds another model; or a later version wrote
    /// the folder in a format that this one does not know ([`Error::is_newer`]).
    pub fn load(folder: impl AsRef<Path>, device: &Device) -> Result<Self, Error> {
        Self::from_parts(Parts::read(folder.as_ref(), device, true)?)
    }

    /// [`load`](Self::load) without the encoder, for a server that reads no texts, or that
    /// [brings it](Self::with_encoder) from elsewhere.
    ///
    /// # Errors
    ///
    /// As `load`, but for the encoder.
    pub fn load_without_encoder(folder: impl AsRef<Path>, device: &Device) -> Result<Self, Error> {
        Self::from_parts(Parts::read(folder.as_ref(), device, false)?)
    }
}

/// A folder with the permissions of any other, not those of a temporary one: who saves is not always who loads.
fn folder_in(parent: &Path) -> Result<TempDir, Error> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
    builder.prefix(".saving").tempdir_in(parent).map_err(|e| Error::io("write into", parent, e))
}

impl Parts {
    fn write(&self, folder: &Path) -> Result<(), Error> {
        let items = write_table(&self.items, folder, "items.safetensors")?;
        let history = self.history.as_ref();
        let history = history.map(|table| write_table(table, folder, "history.safetensors")).transpose()?;
        let name = "scorer.safetensors";
        let has_file = self.scorer.save(&folder.join(name))?;
        let file = has_file.then(|| record(folder, name)).transpose()?;
        let scorer = ScorerRecord { kind: self.scorer.name().to_owned(), file };

        let user = match &self.user {
            UserModel::Average(model) => UserRecord::Average(model.clone()),
            UserModel::Pooling(model) => UserRecord::Pooling(*model),
            UserModel::Trained(model) => {
                let name = "user.safetensors";
                model.save(folder.join(name))?;
                UserRecord::Trained(record(folder, name)?)
            }
        };

        let mut manifest = Manifest::new(items, history, user, scorer);
        manifest.provenance.clone_from(&self.provenance);
        if let Some((encoder, source)) = &self.encoder {
            if *source == EncoderSource::Saved {
                encoder.save(folder.join(EncoderSource::SAVED), WeightFormat::F32)?;
            }
            let (name, space) = (encoder.name().to_owned(), encoder.space());
            manifest.encoder = Some(EncoderRecord { source: source.clone(), name, space });
        }
        manifest.write(folder)
    }

    fn read(folder: &Path, device: &Device, with_encoder: bool) -> Result<Self, Error> {
        let manifest = Manifest::read(folder)?;
        let items = read_table(folder, &manifest.items)?;
        let history = manifest.history.as_ref().map(|table| read_table(folder, table)).transpose()?;
        let ScorerRecord { kind, file } = &manifest.scorer;
        let path = file.as_ref().map(|file| checked(folder, file)).transpose()?;
        let scorer = ScoreModel::load(kind, path.as_deref(), device)?.ok_or_else(|| {
            let file = if path.is_some() { "with" } else { "without" };
            Error::file(&folder.join(NAME), format!("there is no scorer `{kind}` {file} a file"))
        })?;
        let user = match manifest.user {
            UserRecord::Average(model) => model.into(),
            UserRecord::Pooling(model) => model.into(),
            UserRecord::Trained(file) => TrainedUserEncoder::load(checked(folder, &file)?, device)?.into(),
        };
        let mut parts = Self::new(items, history, user, scorer);
        parts.provenance = manifest.provenance;
        parts.check()?;
        // Last, because it takes longest.
        if let Some(EncoderRecord { source, name, space }) = manifest.encoder.filter(|_| with_encoder) {
            let encoder = source.load(folder, device)?;
            let (found, expected) =
                (format!("the encoder `{}`", encoder.name()), format!("the saved `{name}`"));
            let found = (found, encoder.space());
            parts.encoder = Some((encoder, source));
            parts.check_encoder()?;
            Error::check_spaces(found, (expected, space))?;
        }
        Ok(parts)
    }
}

fn write_table(table: &VectorTable, folder: &Path, name: &str) -> Result<TableRecord, Error> {
    table.save(folder.join(name))?;
    let (space, n, dim) = (table.space(), table.len(), table.dim());
    Ok(TableRecord { file: record(folder, name)?, space, n, dim })
}

fn read_table(folder: &Path, recorded: &TableRecord) -> Result<VectorTable, Error> {
    let path = recorded.file.path(folder)?;
    let table = VectorTable::load(&path)?;
    // A table of other vectors is another file, too, but its space says more.
    let (found, saved) = (format!("the table in {}", path.display()), format!("the one that {NAME} names"));
    Error::check_spaces((&*found, table.space()), (&*saved, recorded.space))?;
    Error::check_dims((found, table.dim()), (saved, recorded.dim))?;
    checked(folder, &recorded.file)?;
    Ok(table)
}

/// What the manifest says of a file that has been written.
fn record(folder: &Path, name: &str) -> Result<FileRecord, Error> {
    Ok(FileRecord { name: name.to_owned(), fingerprint: content(&folder.join(name))? })
}

/// The path of a file that is the one that was saved.
fn checked(folder: &Path, file: &FileRecord) -> Result<std::path::PathBuf, Error> {
    let path = file.path(folder)?;
    Error::check_content(&path, content(&path)?, NAME, file.fingerprint)?;
    Ok(path)
}

fn content(path: &Path) -> Result<Fingerprint, Error> {
    Ok(Fingerprint::of([("content", &*MappedFile::open(path)?)]))
}
