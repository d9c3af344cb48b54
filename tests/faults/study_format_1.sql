PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE checkpoint (
    trial INTEGER NOT NULL, repeat INTEGER NOT NULL, epoch INTEGER NOT NULL, arrays BLOB NOT NULL,
    PRIMARY KEY (trial, repeat), FOREIGN KEY (trial, repeat) REFERENCES execution);
INSERT INTO "checkpoint" VALUES(1,0,3,X'504B03042D00000000000000210035ECB87DFFFFFFFFFFFFFFFF0600140077302E6E70790100100088000000000000008800000000000000934E554D5059010076007B276465736372273A20273C6634272C2027666F727472616E5F6F72646572273A2046616C73652C20277368617065273A2028322C292C207D2020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020200A0000404000004040504B01022D032D00000000000000210035ECB87D880000008800000006000000000000000000000080010000000077302E6E7079504B0506000000000100010034000000C00000000000');
INSERT INTO "checkpoint" VALUES(1,1,3,X'504B03042D00000000000000210035ECB87DFFFFFFFFFFFFFFFF0600140077302E6E70790100100088000000000000008800000000000000934E554D5059010076007B276465736372273A20273C6634272C2027666F727472616E5F6F72646572273A2046616C73652C20277368617065273A2028322C292C207D2020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020200A0000404000004040504B01022D032D00000000000000210035ECB87D880000008800000006000000000000000000000080010000000077302E6E7079504B0506000000000100010034000000C00000000000');
INSERT INTO "checkpoint" VALUES(3,0,2,X'504B03042D0000000000000021005CA99982FFFFFFFFFFFFFFFF0600140077302E6E70790100100088000000000000008800000000000000934E554D5059010076007B276465736372273A20273C6634272C2027666F727472616E5F6F72646572273A2046616C73652C20277368617065273A2028322C292C207D2020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020200A0000004000000040504B01022D032D0000000000000021005CA99982880000008800000006000000000000000000000080010000000077302E6E7079504B0506000000000100010034000000C00000000000');
INSERT INTO "checkpoint" VALUES(3,1,2,X'504B03042D0000000000000021005CA99982FFFFFFFFFFFFFFFF0600140077302E6E70790100100088000000000000008800000000000000934E554D5059010076007B276465736372273A20273C6634272C2027666F727472616E5F6F72646572273A2046616C73652C20277368617065273A2028322C292C207D2020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020200A0000004000000040504B01022D032D0000000000000021005CA99982880000008800000006000000000000000000000080010000000077302E6E7079504B0506000000000100010034000000C00000000000');
CREATE TABLE epoch (
    trial INTEGER NOT NULL, repeat INTEGER NOT NULL, epoch INTEGER NOT NULL,
    train_loss REAL, train_accuracy REAL NOT NULL, held_out_loss REAL, held_out_accuracy REAL NOT NULL,
    seconds REAL NOT NULL,
    PRIMARY KEY (trial, repeat, epoch), FOREIGN KEY (trial, repeat) REFERENCES execution);
INSERT INTO "epoch" VALUES(0,0,1,1.0,0.332415,1.0,0.332415,0.001);
INSERT INTO "epoch" VALUES(0,1,1,1.0,0.337915,1.0,0.337915,0.001);
INSERT INTO "epoch" VALUES(0,0,2,0.5,0.447922,0.5,0.447922,0.001);
INSERT INTO "epoch" VALUES(0,1,2,0.5,0.453422,0.5,0.453422,0.001);
INSERT INTO "epoch" VALUES(0,0,3,3.33333333333333314829e-01,0.505676,3.33333333333333314829e-01,0.505676,0.001);
INSERT INTO "epoch" VALUES(0,1,3,3.33333333333333314829e-01,0.511176,3.33333333333333314829e-01,0.511176,0.001);
INSERT INTO "epoch" VALUES(1,0,1,1.0,0.339494,1.0,0.339494,0.001);
INSERT INTO "epoch" VALUES(1,1,1,1.0,0.344994,1.0,0.344994,0.001);
INSERT INTO "epoch" VALUES(1,0,2,0.5,0.458542,0.5,0.458542,0.001);
INSERT INTO "epoch" VALUES(1,1,2,0.5,0.464042,0.5,0.464042,0.001);
INSERT INTO "epoch" VALUES(1,0,3,3.33333333333333314829e-01,0.518065,3.33333333333333314829e-01,0.518065,0.001);
INSERT INTO "epoch" VALUES(1,1,3,3.33333333333333314829e-01,0.523565,3.33333333333333314829e-01,0.523565,0.001);
INSERT INTO "epoch" VALUES(2,0,1,1.0,0.322508,1.0,0.322508,0.001);
INSERT INTO "epoch" VALUES(2,1,1,1.0,0.328008,1.0,0.328008,0.001);
INSERT INTO "epoch" VALUES(2,0,2,0.5,0.433062,0.5,0.433062,0.001);
INSERT INTO "epoch" VALUES(2,1,2,0.5,0.438562,0.5,0.438562,0.001);
INSERT INTO "epoch" VALUES(2,0,3,3.33333333333333314829e-01,0.488339,3.33333333333333314829e-01,0.488339,0.001);
INSERT INTO "epoch" VALUES(2,1,3,3.33333333333333314829e-01,0.493839,3.33333333333333314829e-01,0.493839,0.001);
INSERT INTO "epoch" VALUES(3,0,1,1.0,0.282496,1.0,0.282496,0.001);
INSERT INTO "epoch" VALUES(3,1,1,1.0,0.287996,1.0,0.287996,0.001);
INSERT INTO "epoch" VALUES(3,0,2,0.5,0.373044,0.5,0.373044,0.001);
INSERT INTO "epoch" VALUES(3,1,2,0.5,0.378544,0.5,0.378544,0.001);
CREATE TABLE execution (
    trial INTEGER NOT NULL REFERENCES trial, repeat INTEGER NOT NULL,
    seed INTEGER NOT NULL, order_seed INTEGER NOT NULL,
    outcome TEXT CHECK (outcome IN ('done', 'diverged', 'failed')), error TEXT, device TEXT,
    PRIMARY KEY (trial, repeat));
INSERT INTO "execution" VALUES(0,0,1484405855,1838574579,'done',NULL,'CPU, 2 cores');
INSERT INTO "execution" VALUES(0,1,1982462498,679461430,'done',NULL,'CPU, 2 cores');
INSERT INTO "execution" VALUES(1,0,1484405855,1838574579,'done',NULL,'CPU, 2 cores');
INSERT INTO "execution" VALUES(1,1,1982462498,679461430,'done',NULL,'CPU, 2 cores');
INSERT INTO "execution" VALUES(2,0,1484405855,1838574579,'done',NULL,'CPU, 2 cores');
INSERT INTO "execution" VALUES(2,1,1982462498,679461430,'done',NULL,'CPU, 2 cores');
INSERT INTO "execution" VALUES(3,0,1484405855,1838574579,NULL,NULL,NULL);
INSERT INTO "execution" VALUES(3,1,1982462498,679461430,NULL,NULL,NULL);
INSERT INTO "execution" VALUES(4,0,1484405855,1838574579,NULL,NULL,NULL);
INSERT INTO "execution" VALUES(4,1,1982462498,679461430,NULL,NULL,NULL);
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
INSERT INTO "meta" VALUES('definition','{"name": "old", "kind": "random", "title": "LeNet on tiny: random search", "space": {"learning_rate": {"range": [0.001, 0.1], "log": true}, "momentum": {"range": [0.0, 0.95], "log": false}, "activation": {"choice": ["sigmoid", "tanh", "relu"]}, "final_activation": {"choice": ["same", "softmax"]}, "loss": {"choice": ["mean_squared_error", "categorical_crossentropy"]}, "kernel_initializer": {"choice": ["glorot_uniform", "glorot_normal", "random_normal", "he_uniform", "he_normal", "lecun_normal"]}, "batch_size": {"choice": [32, 64, 128]}, "kernel_size": {"choice": [3]}, "depth": {"choice": [2]}, "filters": {"choice": [6, 16, 32]}, "filter_step": {"choice": [0, 10, 16]}, "padding": {"choice": ["same"]}, "pooling": {"choice": ["average", "max"]}, "pool_places": {"choice": ["every", "spread", "first_two"]}, "dense_84": {"choice": [false, true]}, "normalization": {"choice": ["none", "unit", "standardize"]}, "l2_kernel": {"choice": [0.0, 1e-06, 1e-05, 0.0001, 0.001]}, "l2_activity": {"choice": [0.0, 1e-06, 1e-05, 0.0001, 0.001]}, "conv_bias": {"choice": [false, true]}, "l2_bias": {"choice": [0.0, 1e-06, 1e-05, 0.0001, 0.001]}, "bias_mean_1": {"range": [-0.5, 1.0], "log": false}, "bias_std_1": {"range": [0.0001, 1.0], "log": true}, "bias_mean_2": {"range": [-0.5, 1.0], "log": false}, "bias_std_2": {"range": [0.0001, 1.0], "log": true}, "bias_mean_3": {"range": [-0.5, 1.0], "log": false}, "bias_std_3": {"range": [0.0001, 1.0], "log": true}, "bias_mean_4": {"range": [-0.5, 1.0], "log": false}, "bias_std_4": {"range": [0.0001, 1.0], "log": true}, "bias_mean_5": {"range": [-0.5, 1.0], "log": false}, "bias_std_5": {"range": [0.0001, 1.0], "log": true}, "epochs": {"choice": [3]}}, "section": null, "stages": [], "protocol": "validation", "data": {"name": "tiny", "fingerprint": "56dd7d2e8ed3cd97657b1a84d605865101997fdb6b1d3bcf8f89ed4c9d6a48f5", "image_shape": [8, 8, 3], "num_classes": 4, "classes": ["north-west", "north-east", "south-west", "south-east"], "comparable": false, "notice": "not CIFAR-10, not comparable with the report"}, "train_size": 96, "held_out_size": 24, "seed": 0, "seeds": 2, "engine": "fused", "options": {}}');
INSERT INTO "meta" VALUES('planned','5');
INSERT INTO "meta" VALUES('source','null');
INSERT INTO "meta" VALUES('channel_statistics','{"channel_mean": [67.17041015625, 66.97151692708333, 67.05989583333333], "channel_std": [67.48688937654778, 67.35530645171278, 67.73174189702947]}');
INSERT INTO "meta" VALUES('manifest','{"command": "lenet-tune random --trials 5 --seeds 2 --name old", "commit": "6644728bad", "versions": {"lenet-tune": "0.1.0", "keras": "3.15.1", "keras-tuner": "1.4.8", "tensorflow": "2.21.0", "jax": "0.10.2", "numpy": "2.4.6", "scipy": "1.17.1", "scikit-learn": "1.9.1"}, "backend": "tensorflow", "device": "CPU, 2 cores", "dtype": "float32", "platform": "Linux x86_64, Python 3.11.7", "started": "2026-11-24T22:50:09+00:00", "wall_seconds": 0.047, "sessions": [{"command": "lenet-tune random --trials 5 --seeds 2 --name old", "commit": "6644728bad", "versions": {"lenet-tune": "0.1.0", "keras": "3.15.1", "keras-tuner": "1.4.8", "tensorflow": "2.21.0", "jax": "0.10.2", "numpy": "2.4.6", "scipy": "1.17.1", "scikit-learn": "1.9.1"}, "backend": "tensorflow", "device": "CPU, 2 cores", "dtype": "float32", "platform": "Linux x86_64, Python 3.11.7", "started": "2026-11-24T22:50:09+00:00", "wall_seconds": 0.047, "ended": "2026-11-24T22:50:09+00:00"}], "interrupted": true, "engine": "fused", "ended": "2026-11-24T22:50:09+00:00"}');
CREATE TABLE test_reading (
    trial INTEGER NOT NULL, at TEXT NOT NULL, accuracy REAL NOT NULL, images INTEGER NOT NULL);
CREATE TABLE trial (
    number INTEGER PRIMARY KEY, setting TEXT NOT NULL, label TEXT NOT NULL, proposal TEXT NOT NULL);
INSERT INTO "trial" VALUES(0,'{"learning_rate": 0.0191, "momentum": 0.4931, "activation": "tanh", "final_activation": "same", "loss": "mean_squared_error", "kernel_initializer": "lecun_normal", "batch_size": 64, "kernel_size": 3, "depth": 2, "filters": 16, "filter_step": 10, "padding": "same", "pooling": "average", "dense_84": true, "normalization": "standardize", "l2_kernel": 0.0, "l2_activity": 0.0, "conv_bias": false, "epochs": 3}','tanh, lr 0.0191, batch 64','{"origin": "random"}');
INSERT INTO "trial" VALUES(1,'{"learning_rate": 0.01663, "momentum": 0.3585, "activation": "relu", "final_activation": "same", "loss": "categorical_crossentropy", "kernel_initializer": "glorot_uniform", "batch_size": 64, "kernel_size": 3, "depth": 2, "filters": 6, "filter_step": 10, "padding": "same", "pooling": "average", "dense_84": false, "normalization": "standardize", "l2_kernel": 1e-05, "l2_activity": 0.0001, "conv_bias": false, "epochs": 3}','relu, lr 0.0166, batch 64','{"origin": "random"}');
INSERT INTO "trial" VALUES(2,'{"learning_rate": 0.02241, "momentum": 0.7301, "activation": "relu", "final_activation": "same", "loss": "categorical_crossentropy", "kernel_initializer": "he_normal", "batch_size": 32, "kernel_size": 3, "depth": 2, "filters": 6, "filter_step": 10, "padding": "same", "pooling": "average", "dense_84": false, "normalization": "unit", "l2_kernel": 1e-06, "l2_activity": 0.0, "conv_bias": false, "epochs": 3}','relu, lr 0.0224, batch 32','{"origin": "random"}');
INSERT INTO "trial" VALUES(3,'{"learning_rate": 0.002705, "momentum": 0.8991, "activation": "tanh", "final_activation": "same", "loss": "mean_squared_error", "kernel_initializer": "glorot_normal", "batch_size": 32, "kernel_size": 3, "depth": 2, "filters": 32, "filter_step": 0, "padding": "same", "pooling": "average", "dense_84": true, "normalization": "none", "l2_kernel": 0.0, "l2_activity": 0.001, "conv_bias": true, "l2_bias": 1e-06, "bias_mean_1": 0.6922, "bias_std_1": 0.04588, "bias_mean_2": 0.8423, "bias_std_2": 0.2318, "epochs": 3}','tanh, lr 0.0027, batch 32','{"origin": "random"}');
INSERT INTO "trial" VALUES(4,'{"learning_rate": 0.01262, "momentum": 0.04927, "activation": "relu", "final_activation": "same", "loss": "categorical_crossentropy", "kernel_initializer": "he_normal", "batch_size": 128, "kernel_size": 3, "depth": 2, "filters": 6, "filter_step": 10, "padding": "same", "pooling": "average", "dense_84": false, "normalization": "unit", "l2_kernel": 0.0, "l2_activity": 0.0, "conv_bias": false, "epochs": 3}','relu, lr 0.0126, batch 128','{"origin": "random"}');
COMMIT;
