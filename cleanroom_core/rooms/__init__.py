"""What a clean room is: collaborators, assets, templates; the room file; RoomState, the fold over entries."""
