# Databricks notebook source
# expect NETWORK: from databricks.sdk import
# expect NETWORK: from databricks.sdk.service.sharing
# expect SECRET_IN_TEXT: token="dapi
# expect SECRET_IN_TEXT: "dapi0123
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.sharing import CleanRoom, CleanRoomAsset

w = WorkspaceClient(host="https://provider.example", token="dapi0123456789abcdef0123456789abcdef")
w.clean_rooms.create(name="data_collaboration_cleanroom")
