"""What leaves as DICOM and FHIR for one measured radiograph: pure functions, a module an object."""
