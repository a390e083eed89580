"""What a run leaves behind: its journal, its pictures, its entry in MLflow. The only folder that imports mlflow."""
