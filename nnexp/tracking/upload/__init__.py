"""Upload of journals to MLflow, in processes beside training.

    training process                     upload process (experiment/upload_process.py)
    ----------------                     ---------------------------------------------
    Journal ------- journal.jsonl -----> JournalFollower (worker.py), thread "serve": reads new entries
    Uploader        stdin: {"folder",      |  batches of entries                 |  folder
      .submit ----- "settings"} -------> read_orders, thread                     |
      .wait <------ stdout: Outcome --- serve                                    v
                                           |                      plot process (plots/worker.py): draws plots,
                                           v                      writes tables; returns their paths
                                         UploadThread (thread.py), one per run
                                           |
                                           v
                                         MlflowRunWriter (mlflow/writer.py) ---> MLflow store
                                           |  run id, offset in the journal
                                           v
                                         mlflow.json (UploadState): where `nnexp sync` continues

The main thread of the upload process imports mlflow meanwhile; a Throttle stops it while a run starts.
"""
